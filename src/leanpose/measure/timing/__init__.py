"""Times of several contenders measured in turns, and what they say."""
