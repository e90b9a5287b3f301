// Package ledger keeps in a piece of memory what a supervisor hands on to its successor: one
// document, and how far the output of each container was passed on.
//
// The writer may end at any instruction, by SIGKILL: the successor then finds what was there
// before or what is there after a change, never something in between. The memory may hold
// anything, as another process had it before: what makes no sense counts as not there. This
// package knows neither whose memory it is nor what is in the document, and asks nobody.
//
// In words of 64 bits, as this machine has them:
//
//	magic, size │ 256 entries │ slot 0 │ slot 1
//
//	entry: order taken (0: free), ID (4), passed (2), at, side,
//	       anchor 0 and 1: at, before (2)
//	slot:  length, sequence number, checksum, the document
package ledger

import (
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"unsafe"
)

// MinSize is the least memory that a ledger is kept in, in bytes. A document may be as long
// as half of what lies beyond the first 33 KiB: 495 KiB of 1 MiB.
const MinSize = 64 << 10

// magic begins a ledger of this version.
const magic = 'p' | 'o'<<8 | 'd'<<16 | 'l'<<24 | 'i'<<32 | 'k'<<40 | 'e'<<48 | 1<<56

// Where what is, in words.
const (
	magicAt   = 0
	sizeAt    = 1
	entriesAt = 2
	slotsAt   = entriesAt + maxEntries*entryWords

	// In a slot.
	lengthAt   = 0
	sequenceAt = 1
	checksumAt = 2
	documentAt = 3
)

// none is the length of no document.
const none = ^uint64(0)

const wordSize = 8

// A Ledger is a piece of memory in which things are kept. All methods may be called from
// several goroutines; several ledgers of one memory may not be used at once.
type Ledger struct {
	mu    sync.RWMutex
	words []uint64
	taken uint64 // the order of the entry that was taken last
	slot  int    // that of the document
	last  uint64 // the document's sequence number
	empty bool   // there is no document

	wrote func() // called after every write: tests end here
}

// Open is the ledger that is in mem, or a new one if there is none, or one of another version
// or size. One in less than MinSize is kept in a memory of its own, and nobody inherits it.
func Open(mem []byte) *Ledger { return open(mem, func() {}) }

func open(mem []byte, wrote func()) *Ledger {
	if len(mem) < MinSize {
		mem = make([]byte, MinSize)
	}
	l := &Ledger{words: words(mem), empty: true, wrote: wrote}
	if l.get(magicAt) != magic || l.get(sizeAt) != uint64(len(l.words)) {
		l.format()
	}
	for i := range maxEntries {
		l.taken = max(l.taken, l.order(i))
	}
	for slot := range 2 {
		if _, sequence, valid := l.document(slot); valid && (l.empty || int64(sequence-l.last) > 0) {
			l.slot, l.last, l.empty = slot, sequence, false
		}
	}
	return l
}

// words are those in mem, without what is before the first and after the last whole one.
func words(mem []byte) []uint64 {
	skip := -uintptr(unsafe.Pointer(&mem[0])) % wordSize
	return unsafe.Slice((*uint64)(unsafe.Pointer(&mem[skip])), (uintptr(len(mem))-skip)/wordSize)
}

// format makes the memory an empty ledger. Should it end in the middle there is none.
func (l *Ledger) format() {
	l.set(magicAt, 0)
	for i := range maxEntries {
		l.set(entryAt(i)+orderAt, 0)
	}
	for slot := range 2 {
		l.set(l.slotAt(slot)+lengthAt, none)
	}
	l.set(sizeAt, uint64(len(l.words)))
	l.set(magicAt, magic)
}

// get and set read and write one word: it is there as a whole, or not at all.
func (l *Ledger) get(at int) uint64 { return atomic.LoadUint64(&l.words[at]) }

func (l *Ledger) set(at int, value uint64) {
	atomic.StoreUint64(&l.words[at], value)
	l.wrote()
}

// Load is a copy of the document. Nil: there is none.
func (l *Ledger) Load() []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.empty {
		return nil
	}
	found, _, valid := l.document(l.slot)
	if !valid { // someone else has written here
		return nil
	}
	return append([]byte{}, found...)
}

// Store replaces the document, and leaves the former as it is when it fails: the document is
// too long.
func (l *Ledger) Store(doc []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := 0
	if !l.empty {
		slot = 1 - l.slot
	}
	room := l.room(slot)
	if len(doc) > len(room) {
		return fmt.Errorf("cannot keep a document of %d bytes: there is room for %d", len(doc), len(room))
	}
	at, sequence := l.slotAt(slot), l.last+1
	l.set(at+lengthAt, none)
	copy(room, doc)
	l.wrote()
	l.set(at+sequenceAt, sequence)
	l.set(at+checksumAt, checksum(sequence, doc))
	l.set(at+lengthAt, uint64(len(doc)))
	l.slot, l.last, l.empty = slot, sequence, false
	return nil
}

// document is what is in a slot, in place, if that is a document.
func (l *Ledger) document(slot int) (found []byte, sequence uint64, valid bool) {
	at, room := l.slotAt(slot), l.room(slot)
	length := l.get(at + lengthAt)
	if length > uint64(len(room)) {
		return nil, 0, false
	}
	found, sequence = room[:length], l.get(at+sequenceAt)
	return found, sequence, l.get(at+checksumAt) == checksum(sequence, found)
}

// checksum is that of a document and what belongs to it. It is never that of zeros.
func checksum(sequence uint64, doc []byte) uint64 {
	var first [2 * wordSize]byte
	*(*uint64)(unsafe.Pointer(&first[0])) = sequence
	*(*uint64)(unsafe.Pointer(&first[wordSize])) = uint64(len(doc))
	return 1<<32 | uint64(crc32.Update(crc32.ChecksumIEEE(first[:]), crc32.IEEETable, doc))
}

// slotWords is how long a slot is.
func (l *Ledger) slotWords() int { return (len(l.words) - slotsAt) / 2 }

// slotAt is where a slot begins.
func (l *Ledger) slotAt(slot int) int { return slotsAt + slot*l.slotWords() }

// room is where a slot has its document.
func (l *Ledger) room(slot int) []byte {
	at := l.slotAt(slot) + documentAt
	return unsafe.Slice((*byte)(unsafe.Pointer(&l.words[at])), (l.slotWords()-documentAt)*wordSize)
}
