"""What is indexed of a listing, and how it stays in step with the database."""
