"""What a branch needs on AWS: plan by reading, execute step by step, record each step."""
