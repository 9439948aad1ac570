"""What is written down of a run: its identity, record, table of arms, card, and the machine."""
