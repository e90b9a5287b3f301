package event

import (
	"context"
	"sync"
)

// A Ring remembers the last events, for those who ask afterwards, and for those who
// follow. Who tells it something never waits: a follower who is too slow loses the
// oldest events and is told how many. NewRing makes it.
type Ring struct {
	mu     sync.Mutex
	size   int
	events []Event // the one of number n is at n % size
	told   int     // how many events there were, so the next one's number
	more   chan struct{}
}

// NewRing makes a ring that remembers size events.
func NewRing(size int) *Ring {
	return &Ring{size: size, more: make(chan struct{})}
}

// Tell is a Sink.
func (r *Ring) Tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) < r.size {
		r.events = append(r.events, e)
	} else {
		r.events[r.told%r.size] = e
	}
	r.told++
	close(r.more)
	r.more = make(chan struct{})
}

// Follow begins with the first event that ever was.
func (r *Ring) Follow() *Follower { return &Follower{ring: r} }

// A Follower gets each event of a ring once, in order. It is a place in the ring and
// holds nothing, so it needs no end. It is for one goroutine.
type Follower struct {
	ring *Ring
	next int // the number of the event to come
}

// Read returns what was told since the last Read, and how many events before that
// the ring has forgotten in the meantime. It does not wait.
func (f *Follower) Read() (events []Event, lost int) {
	r := f.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	lost = max(r.told-len(r.events)-f.next, 0)
	for f.next += lost; f.next < r.told; f.next++ {
		events = append(events, r.events[f.next%r.size])
	}
	return events, lost
}

// Wait returns when there is something to Read, or with the reason why ctx is done.
func (f *Follower) Wait(ctx context.Context) error {
	f.ring.mu.Lock()
	news, more := f.ring.told > f.next, f.ring.more
	f.ring.mu.Unlock()
	if news {
		return nil
	}
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
