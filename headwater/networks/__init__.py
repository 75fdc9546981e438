"""Networks that several systems are made of and no paper alone owns."""
