"""`tradewind tenant`: the operator's hand on shops, by the services that the operator's API uses."""
