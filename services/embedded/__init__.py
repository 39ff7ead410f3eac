"""The stack on one machine: broker, warehouse engine and every process under a supervisor."""
