"""The start page, assembled from what the features offer, and the one search field. Everybody signed in has both."""
