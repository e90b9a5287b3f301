package ledger

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// A tape has what was in a memory after each write to it: where a writer may have ended.
type tape struct {
	mem   []byte
	after [][]byte
}

// record opens a ledger whose memory is recorded.
func record(mem []byte) (*tape, *Ledger) {
	r := &tape{mem: mem}
	l := open(mem, func() { r.after = append(r.after, bytes.Clone(mem)) })
	return r, l
}

// ends calls look with a ledger of each memory that do may leave when its writer ends. A
// write may be one of many words: of two memories in a row some mixtures are tried as well.
func (r *tape) ends(t *testing.T, do func(), look func(l *Ledger, step string)) {
	t.Helper()
	before := bytes.Clone(r.mem)
	r.after = nil
	do()
	if len(r.after) == 0 {
		t.Fatal("nothing was written")
	}
	look(Open(bytes.Clone(before)), "before")
	for i, after := range r.after {
		if all := differ(before, after); len(all) > 1 {
			for range 4 {
				mixed := bytes.Clone(after)
				for _, word := range all {
					if rand.IntN(2) == 0 {
						words(mixed)[word] = words(before)[word]
					}
				}
				look(Open(mixed), fmt.Sprint("in step ", i))
			}
		}
		look(Open(bytes.Clone(after)), fmt.Sprint("after step ", i))
		before = after
	}
}

// differ are the words in which two memories differ.
func differ(a, b []byte) (all []int) {
	const chunk = 1024
	for from := 0; from < len(a); from += chunk {
		to := min(from+chunk, len(a))
		if bytes.Equal(a[from:to], b[from:to]) {
			continue
		}
		for word := from / wordSize; word < to/wordSize; word++ {
			if words(a)[word] != words(b)[word] {
				all = append(all, word)
			}
		}
	}
	return all
}

// text is a document of random length.
func text(longest int) []byte {
	doc := make([]byte, rand.IntN(longest+1))
	for i := range doc {
		doc[i] = byte(rand.IntN(3))
	}
	return doc
}

// container is the ID of the container of that number.
func container(n int) string { return fmt.Sprintf("%064x", n) }

func TestADocumentIsTheFormerOrTheNextOne(t *testing.T) {
	r, l := record(make([]byte, MinSize))
	var former []byte
	for range 40 {
		next := text(40)
		r.ends(t, func() {
			if err := l.Store(next); err != nil {
				t.Fatal(err)
			}
		}, func(l *Ledger, step string) {
			t.Helper()
			if got := l.Load(); !bytes.Equal(got, former) && !bytes.Equal(got, next) || got == nil && former != nil {
				t.Fatalf("%s there is %q, want %q or %q", step, got, former, next)
			}
			last := []byte("last") // whatever was left, it goes on from there
			if err := l.Store(last); err != nil || !bytes.Equal(again(l).Load(), last) {
				t.Fatalf("%s nothing can be stored: %v", step, err)
			}
		})
		if got := l.Load(); !bytes.Equal(got, next) || got == nil {
			t.Fatalf("stored %q and loaded %q", next, got)
		}
		former = next
	}
}

// again opens a ledger's memory once more.
func again(l *Ledger) *Ledger {
	return Open(unsafe.Slice((*byte)(unsafe.Pointer(&l.words[0])), len(l.words)*wordSize))
}

func TestADocumentIsAsLongAsThereIsRoom(t *testing.T) {
	mem := make([]byte, 1<<20)
	l := Open(mem)
	if l.Load() != nil {
		t.Error("there is a document that nobody has stored")
	}
	long := bytes.Repeat([]byte("podlike "), 400<<10/8)
	for _, doc := range [][]byte{long, {}, []byte("x"), long[1:]} {
		if err := l.Store(doc); err != nil {
			t.Fatal(err)
		}
		if got := Open(mem).Load(); got == nil || !bytes.Equal(got, doc) {
			t.Errorf("of %d bytes %d are loaded", len(doc), len(got))
		}
	}
	if err := l.Store(make([]byte, 1<<19)); err == nil || !strings.Contains(err.Error(), "cannot keep a document of 524288 bytes: there is room for ") {
		t.Errorf("half of the memory: %v", err)
	}
	if !bytes.Equal(Open(mem).Load(), long[1:]) {
		t.Error("what could not be stored has taken the place of what was")
	}
	got := l.Load()
	got[0] = '!'
	if !bytes.Equal(l.Load(), long[1:]) {
		t.Error("what was loaded is not a copy")
	}
}

func TestADocumentThatSomebodyHasWrittenToIsNone(t *testing.T) {
	for name, at := range map[string]int{"Length": lengthAt, "Sequence": sequenceAt, "Checksum": checksumAt, "Document": documentAt} {
		t.Run(name, func(t *testing.T) {
			mem := make([]byte, MinSize)
			l := Open(mem)
			for _, doc := range []string{"former", "last"} {
				if err := l.Store([]byte(doc)); err != nil {
					t.Fatal(err)
				}
			}
			l.words[l.slotAt(l.slot)+at]++
			if got := l.Load(); got != nil {
				t.Errorf("there is %q", got)
			}
			if got := Open(mem).Load(); string(got) != "former" {
				t.Errorf("the successor finds %q, want the former one", got)
			}
		})
	}
}

func TestALedgerOfAnotherVersionOrSizeIsNone(t *testing.T) {
	for name, spoil := range map[string]func(mem []byte) []byte{
		"Version": func(mem []byte) []byte { mem[7]++; return mem },
		"Size":    func(mem []byte) []byte { return mem[:len(mem)-wordSize] },
		"Larger":  func(mem []byte) []byte { return append(mem, make([]byte, wordSize)...) },
	} {
		t.Run(name, func(t *testing.T) {
			mem := make([]byte, 2*MinSize)
			l := Open(mem)
			l.Entry(container(1)).SetPassed(0, 7, time.Now())
			if err := l.Store([]byte("old")); err != nil {
				t.Fatal(err)
			}
			r := &tape{mem: spoil(bytes.Clone(mem))}
			r.ends(t, func() { open(r.mem, func() { r.after = append(r.after, bytes.Clone(r.mem)) }) }, func(l *Ledger, step string) {
				if got := l.Load(); got != nil || l.Entry(container(1)).Passed(0) != 0 {
					t.Fatalf("%s there is %q", step, got)
				}
			})
		})
	}
}

// A supervisor whose pause keeps nothing uses a ledger all the same.
func TestALedgerWithoutMemoryIsNobodysToInherit(t *testing.T) {
	for _, mem := range [][]byte{nil, make([]byte, MinSize-1)} {
		l := Open(mem)
		if err := l.Store([]byte("doc")); err != nil || string(l.Load()) != "doc" || !bytes.Equal(mem, make([]byte, len(mem))) {
			t.Errorf("%v, %q, or it is kept in %d bytes", err, l.Load(), len(mem))
		}
	}
}

func TestAMemoryThatBeginsAnywhereIsOfUse(t *testing.T) {
	mem := make([]byte, 2*MinSize)
	for skip := range wordSize {
		l := Open(mem[skip:])
		if uintptr(unsafe.Pointer(&l.words[0]))%wordSize != 0 { // not every machine can write there at once
			t.Errorf("from byte %d: the words begin in the middle of one", skip)
		}
		l.Entry(container(1)).SetPassed(1, int64(skip), time.Now())
		if err := l.Store([]byte("doc")); err != nil {
			t.Fatal(err)
		}
		successor := Open(mem[skip:])
		if got := successor.Entry(container(1)).Passed(1); got != int64(skip) || string(successor.Load()) != "doc" {
			t.Errorf("from byte %d: %d, %q", skip, got, successor.Load())
		}
	}
}

// Whatever somebody has left there, a ledger comes of it that works.
func FuzzWhateverIsInTheMemory(f *testing.F) {
	mem := make([]byte, MinSize)
	l := Open(mem)
	l.Entry(container(0)).SetPassed(0, -1, time.Now())
	f.Add(mem[:256], uint16(0), false)
	f.Add(bytes.Repeat([]byte{0xff}, 256), uint16(entriesAt), true)
	f.Add(append([]byte{0xfe}, bytes.Repeat([]byte{0xff}, 7)...), uint16(entriesAt), true) // the last order but one
	f.Add(bytes.Repeat([]byte{0x01}, 64), uint16(slotsAt), true)                           // longer than the memory
	f.Fuzz(func(t *testing.T, garbage []byte, at uint16, ours bool) {
		mem := make([]byte, MinSize)
		copy(mem[min(int(at)*wordSize, MinSize):], garbage)
		if ours {
			copy(words(mem), []uint64{magic, MinSize / wordSize})
		}
		l := Open(mem)
		l.Load()
		for n := range 3 {
			e := l.Entry(container(n))
			if e.Passed(0) < 0 || e.Passed(1) < 0 {
				t.Fatal("less than nothing was passed on")
			}
			e.At()
			e.Anchor()
			e.SetPassed(0, 5, time.Unix(6, 0))
			e.SetAnchor(time.Unix(7, 0), [2]int64{8, 9})
			at, before := e.Anchor()
			if e.Passed(0) != 5 || !e.At().Equal(time.Unix(6, 0)) || !at.Equal(time.Unix(7, 0)) || before != [2]int64{8, 9} {
				t.Fatalf("what was set is not there: %d, %v, %v, %v", e.Passed(0), e.At(), at, before)
			}
		}
		if err := l.Store([]byte("doc")); err != nil || string(Open(mem).Load()) != "doc" {
			t.Fatalf("%v, %q", err, Open(mem).Load())
		}
	})
}

// For the race detector, and for what two may take from each other.
func TestManyUseALedgerAtOnce(t *testing.T) {
	mem := make([]byte, MinSize)
	l := open(mem, runtime.Gosched) // others come in between as often as they can
	var all sync.WaitGroup
	for n := range 8 {
		e := l.Entry(container(n))
		for stream := range 2 {
			all.Go(func() {
				for i := int64(1); i <= 200; i++ {
					e.SetPassed(stream, i, time.Now())
					e.SetAnchor(time.Unix(i, 0), [2]int64{i, i})
					at, before := e.Anchor()
					if before != [2]int64{at.Unix(), at.Unix()} {
						t.Errorf("half of an anchor: %v, %v", at, before)
					}
					if got := e.Passed(stream); got != i {
						t.Errorf("%d, want %d", got, i)
					}
					e.At()
				}
			})
		}
		all.Go(func() {
			for i := range 50 {
				if err := l.Store([]byte(strings.Repeat("x", n*100+i))); err != nil {
					t.Error(err)
				}
				l.Load()
				l.Entry(container(1000 + n))
				var kept []string
				for n := range 8 {
					kept = append(kept, container(n))
				}
				l.Keep(kept...)
			}
		})
	}
	all.Wait()
}
