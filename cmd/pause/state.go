package main

// An event is what may happen to pause.
type event int

const (
	signalled event = iota // SIGTERM or SIGINT has reached this process
	granted                // the supervisor has accepted the token
	stopping               // the supervisor stops the components itself
	lost                   // the lease is over: the supervisor has ended, or let go
	claimed                // a supervisor wants to be in charge, and nobody is
	released               // the one in charge has ended, or let go
)

// An action is what pause does about an event.
type action int

const (
	nothing   action = iota
	tell             // the supervisor that someone has asked this process to end
	askOthers        // to end, once, and wait for them
	await            // the others' end; they have been asked
	refused          // there is no lease: give up
	grant            // the charge to the one who claims it
)

// A state is what pause knows of the end of the pod. Whoever has been asked to end must
// not be asked again: many programs take a second SIGTERM for an order to hurry.
//
// With a lease:
//
//	            signal: tell, stopping
//	offered ─► held ─────────► held, all asked ─┐ lost: await
//	   │ lost   │ lost: askOthers               ▼
//	   ▼        └────────────────────────────► ending ─► exit 0
//	exit 1
//
// Without one, supervisors come and go, and one at a time is in charge:
//
//	     claimed: grant
//	free ──────────────► charged, asked or not ──────────► charged, told
//	 │ ▲                    │                  signal: tell      │
//	 │ └────────────────────┘                                    │ released: askOthers;
//	 │         released                                          │   await if all are asked
//	 └───────────────────────► ending ─► exit 0 ◄────────────────┘
//	       signal: askOthers
type state struct {
	leased  bool // there is a lease, or an offer
	granted bool // the supervisor has the other end of it
	charged bool // somebody is in charge
	told    bool // the one in charge knows that someone has asked this process to end
	asked   bool // everybody has been asked to end, or is about to be
	ending  bool // this process waits for the others' end
}

// next is the state after an event, and what to do. While there is a supervisor a signal
// ends nobody: the engine sends one to every container when it shuts down, a component may
// send one to PID 1 to have the pod ended, and in all these cases the supervisor knows the
// order.
func next(s state, e event) (state, action) {
	switch {
	case s.ending:
		return s, nothing
	case e == granted:
		s.granted = true
	case e == stopping:
		s.asked = true
	case e == claimed, e == released, s.charged:
		return inCharge(s, e)
	case e == signalled && !s.leased:
		s.asked, s.ending = true, true
		return s, askOthers
	case e == signalled && !s.asked:
		s.asked = true
		return s, tell
	case e == lost && !s.granted:
		s.ending = true
		return s, refused
	case e == lost && s.asked:
		s.ending = true
		return s, await
	case e == lost:
		s.asked, s.ending = true, true
		return s, askOthers
	}
	return s, nothing
}

// inCharge is next for what happens between pause and those who are in charge by turns.
// What one of them has begun ends with it, unless pause is on its way down.
func inCharge(s state, e event) (state, action) {
	switch {
	case e == claimed:
		s.charged = true
		return s, grant
	case e == signalled && !s.told:
		s.told = true // even if all are asked: it has to know that pause will go as well
		return s, tell
	case e == released && s.told && s.asked:
		s.ending = true
		return s, await
	case e == released && s.told:
		s.asked, s.ending = true, true
		return s, askOthers
	case e == released:
		s.charged, s.asked = false, false
	}
	return s, nothing
}
