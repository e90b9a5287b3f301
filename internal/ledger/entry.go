package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
	"unsafe"
)

// maxEntries is of how many containers there can be entries.
const maxEntries = 256

// Where what is in an entry, in words.
const (
	orderAt  = 0
	idAt     = 1
	passedAt = idAt + idWords
	timeAt   = passedAt + streams
	sideAt   = timeAt + 1
	anchorAt = sideAt + 1

	entryWords = anchorAt + 2*anchorWords

	idWords     = 4
	streams     = 2
	anchorWords = 1 + streams
)

// maxOrder is more entries than can ever be taken. What is beyond was never written by us.
const maxOrder = 1 << 62

// An Entry is how far a container's output was passed on. Its methods may be called from
// several goroutines. When it has been given to another container, or was not kept, nothing
// is known any more and what is set is lost.
type Entry struct {
	l     *Ledger
	index int
	order uint64
}

// An id is what an entry has of a container's ID.
type id [idWords]uint64

// newID is a container ID of 64 hexadecimal digits, or a hash of any other.
func newID(container string) (i id) {
	sum, err := hex.DecodeString(container)
	if err != nil || len(sum) != len(i)*wordSize {
		hash := sha256.Sum256([]byte(container))
		sum = hash[:]
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&i[0])), len(i)*wordSize), sum)
	return i
}

// entryAt is where an entry begins.
func entryAt(index int) int { return entriesAt + index*entryWords }

// order is how many were taken before an entry and with it. 0: it is free.
func (l *Ledger) order(index int) uint64 {
	if order := l.get(entryAt(index) + orderAt); order < maxOrder {
		return order
	}
	return 0
}

// id is whose an entry is.
func (l *Ledger) id(index int) (i id) {
	for word := range i {
		i[word] = l.get(entryAt(index) + idAt + word)
	}
	return i
}

// Entry is a container's. If it has none it gets one that is free, or else the one that was
// taken first: then that one's container has none any more.
func (l *Ledger) Entry(container string) *Entry {
	wanted := newID(container)
	l.mu.Lock()
	defer l.mu.Unlock()
	first := 0
	for i := range maxEntries {
		order := l.order(i)
		if order != 0 && l.id(i) == wanted {
			return &Entry{l, i, order}
		}
		if order < l.order(first) {
			first = i
		}
	}
	l.taken++
	at := entryAt(first)
	l.set(at+orderAt, 0)
	for i, word := range wanted {
		l.set(at+idAt+i, word)
	}
	for i := passedAt; i < entryWords; i++ {
		l.set(at+i, 0)
	}
	l.set(at+orderAt, l.taken)
	return &Entry{l, first, l.taken}
}

// Keep forgets all entries but those of these containers.
func (l *Ledger) Keep(containers ...string) {
	var kept []id
	for _, c := range containers {
		kept = append(kept, newID(c))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range maxEntries {
		if l.order(i) != 0 && !slices.Contains(kept, l.id(i)) {
			l.set(entryAt(i)+orderAt, 0)
		}
	}
}

// is tells whether the entry still is that container's. The caller holds the lock.
func (e *Entry) is() bool { return e.l.order(e.index) == e.order }

// get reads a word of the entry. The caller holds the lock.
func (e *Entry) get(at int) int64 {
	if !e.is() {
		return 0
	}
	return int64(e.l.get(entryAt(e.index) + at))
}

// Passed is how much of a stream was passed on; 0 is stdout, 1 is stderr.
func (e *Entry) Passed(stream int) int64 {
	e.l.mu.RLock()
	defer e.l.mu.RUnlock()
	return max(e.get(passedAt+stream), 0)
}

// SetPassed says how much of a stream was passed on, and when the last of it was printed. Who
// ends in between has passed that on at the time that was set before.
func (e *Entry) SetPassed(stream int, n int64, at time.Time) {
	e.l.mu.RLock() // of two that set the same one, the last one counts
	defer e.l.mu.RUnlock()
	if !e.is() {
		return
	}
	e.l.set(entryAt(e.index)+passedAt+stream, uint64(n))
	e.l.set(entryAt(e.index)+timeAt, word(at))
}

// At is the time that was set last, for any stream. Zero: none was.
func (e *Entry) At() time.Time {
	e.l.mu.RLock()
	defer e.l.mu.RUnlock()
	return when(e.get(timeAt))
}

// Anchor is what was set last: a time, and how much of each stream was before it. Zero: there
// is none.
func (e *Entry) Anchor() (at time.Time, before [2]int64) {
	e.l.mu.RLock()
	defer e.l.mu.RUnlock()
	anchor := anchorAt + int(e.get(sideAt)&1)*anchorWords
	for stream := range before {
		before[stream] = max(e.get(anchor+1+stream), 0)
	}
	return when(e.get(anchor)), before
}

// SetAnchor sets the anchor, as a whole.
func (e *Entry) SetAnchor(at time.Time, before [2]int64) {
	e.l.mu.Lock()
	defer e.l.mu.Unlock()
	if !e.is() {
		return
	}
	entry, side := entryAt(e.index), 1-int(e.get(sideAt)&1)
	anchor := entry + anchorAt + side*anchorWords
	e.l.set(anchor, word(at))
	for stream, n := range before {
		e.l.set(anchor+1+stream, uint64(n))
	}
	e.l.set(entry+sideAt, uint64(side))
}

// word is a time in nanoseconds since 1970, or 0 for none.
func word(at time.Time) uint64 {
	if at.IsZero() {
		return 0
	}
	return uint64(at.UnixNano())
}

// when is the time of a word.
func when(word int64) time.Time {
	if word == 0 {
		return time.Time{}
	}
	return time.Unix(0, word)
}
