"""Who answers where, under which name, and which layer of the settings says so."""
