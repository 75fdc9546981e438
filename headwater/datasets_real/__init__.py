"""Published data sets of real heads, read from the folders as they are downloaded."""
