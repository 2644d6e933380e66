"""Old bugs, put back one by one: what finds each of them, and how soon."""
