"""What shoppers would like to have: several lists, to keep and to share."""
