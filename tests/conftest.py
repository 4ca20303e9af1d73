"""Only what every test folder needs. A fixture of one folder lives in that folder's conftest."""
