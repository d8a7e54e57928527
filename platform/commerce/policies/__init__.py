"""Who may do what: every permission of the platform, in one typed module a context, and the roles that hold them.

The package stands below the contexts and imports none of them, so that each can ask it. A permission has one sentence
that says what it lets somebody do; a rule on top, such as that nobody gives more than they hold, stands beside its
permission and is enforced by the service that does the work. `registry` puts them together, `roles` says who holds
what.
"""
