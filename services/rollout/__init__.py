"""The only process that changes what is served: shadow, canary, promotion or rollback of adapter versions."""
