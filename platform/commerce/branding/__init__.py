"""What makes a shop look and sound like itself: its logo, and the words of its messages."""
