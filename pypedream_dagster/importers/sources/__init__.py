"""What is deployed, or the code that deploys it → Survey, which concludes nothing. A module for each kind of source."""
