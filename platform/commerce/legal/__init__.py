"""What a shop must say in law: its terms, its imprint and the like, by version and language, and who accepted which."""
