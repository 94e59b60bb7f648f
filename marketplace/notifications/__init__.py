"""What the market tells outside: notices to its people, webhooks to their machines."""
