"""The decision service: loads champions, retrieves, ranks, and logs every decision."""
