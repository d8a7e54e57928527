"""`tradewind bench`: what the platform can do on this machine, each figure beside the floor of the same run."""
