"""What answers are like: on the topic, grounded, refusing, in which tone, language and form. All cheap."""
