"""The engines that `tradewind up` starts when no server is named: each a process of its own on loopback."""
