//! The composition root: builds every part from the settings, starts and stops them in order.
