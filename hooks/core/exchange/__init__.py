"""What is sent to Azure for a token, and what each answer means. Sends nothing itself."""
