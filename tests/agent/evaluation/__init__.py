"""The planner's own examination: questions with known answers, half of them held back."""
