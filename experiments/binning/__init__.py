"""The same mocks in several binnings."""
