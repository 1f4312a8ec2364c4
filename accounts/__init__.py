"""Who you are and what you may do: users, organizations, roles, sign-in, audit."""
