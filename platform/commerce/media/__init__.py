"""Pictures of products: brought, made into what pages show, put in order, and taken away with their files."""
