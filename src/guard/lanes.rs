//! One of something for each class that has its own limits, permits and breaker.

use super::Class;

/// One `T` for each of [`Class::LANES`]; `Probe` uses that of `Access`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerLane<T> {
    pub(crate) charge: T,
    pub(crate) give_back: T,
    pub(crate) query: T,
    pub(crate) resolve: T,
    pub(crate) access: T,
}

impl<T> PerLane<T> {
    pub(crate) fn build(mut make: impl FnMut() -> T) -> Self {
        Self { charge: make(), give_back: make(), query: make(), resolve: make(), access: make() }
    }

    pub(crate) const fn get(&self, class: Class) -> &T {
        match class {
            Class::Charge => &self.charge,
            Class::Return => &self.give_back,
            Class::Query => &self.query,
            Class::Resolve => &self.resolve,
            Class::Access | Class::Probe => &self.access,
        }
    }

    pub(crate) const fn get_mut(&mut self, class: Class) -> &mut T {
        match class {
            Class::Charge => &mut self.charge,
            Class::Return => &mut self.give_back,
            Class::Query => &mut self.query,
            Class::Resolve => &mut self.resolve,
            Class::Access | Class::Probe => &mut self.access,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.charge, &self.give_back, &self.query, &self.resolve, &self.access].into_iter()
    }

    pub(crate) fn map<U>(&self, mut turn: impl FnMut(&T) -> U) -> PerLane<U> {
        PerLane {
            charge: turn(&self.charge),
            give_back: turn(&self.give_back),
            query: turn(&self.query),
            resolve: turn(&self.resolve),
            access: turn(&self.access),
        }
    }
}
