//! Each guard as a tower layer of its own, and all of them in one, in THE order.
