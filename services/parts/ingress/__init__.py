"""What the entrances (gateway, collector) share: error answers, bounded bodies, pseudonyms, serving."""
