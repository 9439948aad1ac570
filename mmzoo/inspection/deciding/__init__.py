"""What each column is taken for, and the schema that follows."""
