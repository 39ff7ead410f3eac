"""What every processor stands in: transport, ledger, outbox, serving."""
