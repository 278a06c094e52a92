//! The one HTTP client: guarded against private addresses, limited in size and time.
