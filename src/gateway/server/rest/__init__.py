"""REST, by resource: each file holds the routes of one, with the shapes that they take and give."""
