//! What the tour, the tests and the comparison share.
