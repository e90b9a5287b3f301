package logbuffer

import (
	"bytes"
	"encoding/binary"
	"time"
)

const (
	// maxLine is how long a line may be, without its line feed. A longer one is kept in parts.
	maxLine = 64 << 10
	// blockSize is how large blocks are. It is small, so that a component that says little
	// costs little, and what is forgotten at once is little. A longer line has a block of
	// its own.
	blockSize = 4 << 10
	// headerSize is what a record has before its text.
	headerSize = 8 + 8 + 8 + 4 + 1
	// lastBytes is how much of a line Last returns at most.
	lastBytes = 4 << 10
)

// Stream is one of a component's two.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// A Run is what a component has said from one start to its end. Buffer.Run makes it.
type Run struct {
	buffer    *Buffer
	component string
	blocks    []*block // the oldest first
	held      int      // bytes that the blocks have
	next      *Run     // the run after this one
	dropped   bool     // nothing is kept of it any more

	// What is not kept any more: how many lines, and the number and the time of the last record of them.
	gone       int
	goneRecord int64
	goneAt     time.Duration
}

// A block is memory that holds records, one after the other.
type block struct {
	data  []byte // has its full capacity from the beginning
	lines int
	// The number of the first record, and that and the time of the last.
	first, last int64
	at          time.Duration
}

// A record is what was said by one write: some lines of one stream, each with its line
// feed. A last one without it is a part of a line that goes on in the next record of the
// stream.
type record struct {
	number int64
	wall   int64         // nanoseconds since 1970, as the clock was set then
	passed time.Duration // by the buffer's clock
	stream Stream
	text   []byte
}

// Keeper keeps the lines of one of the streams.
func (r *Run) Keeper(s Stream) Keeper { return Keeper{r, s} }

// A Keeper writes the lines of one stream into the buffer. Only one goroutine may use it.
type Keeper struct {
	run    *Run
	stream Stream
}

// Add keeps some lines, each with its line feed, and of a very long line a part without
// one. It holds on to none of the bytes and waits for nobody.
func (k Keeper) Add(lines []byte) {
	b := k.run.buffer
	b.mu.Lock()
	defer b.mu.Unlock()
	wall, passed := b.now()
	for len(lines) > 0 {
		n := k.run.addLocked(record{number: b.records, wall: wall.UnixNano(), passed: passed, stream: k.stream, text: lines})
		b.records++
		lines = lines[n:]
	}
	b.wakeLocked()
}

// addLocked keeps the lines at the beginning of a record that fit into one block, and
// returns how many bytes these are.
func (r *Run) addLocked(c record) int {
	if r.dropped {
		r.gone, r.goneRecord, r.goneAt = r.gone+countLines(c.text), c.number, c.passed
		return len(c.text)
	}
	var to *block
	n := 0
	if len(r.blocks) > 0 {
		to = r.blocks[len(r.blocks)-1]
		n = wholeLines(c.text, cap(to.data)-len(to.data)-headerSize)
	}
	if n == 0 {
		line := firstLine(c.text)
		to = r.buffer.blockLocked(r, max(blockSize, headerSize+line))
		to.first = c.number
		r.blocks, r.held = append(r.blocks, to), r.held+cap(to.data)
		n = max(wholeLines(c.text, cap(to.data)-headerSize), line)
	}
	c.text = c.text[:n]
	to.data = c.appendTo(to.data)
	to.lines, to.last, to.at = to.lines+countLines(c.text), c.number, c.passed
	return n
}

// wholeLines are how many bytes the lines have that fit into so much room.
func wholeLines(text []byte, room int) int {
	if len(text) <= room && len(text) <= maxLine {
		return len(text)
	}
	return bytes.LastIndexByte(text[:max(min(room, len(text)), 0)], '\n') + 1
}

// firstLine is how many bytes the first line has, or that part of it that is kept in one.
func firstLine(text []byte) int {
	end := bytes.IndexByte(text[:min(len(text), maxLine+1)], '\n')
	if end < 0 {
		return min(len(text), maxLine)
	}
	return end + 1
}

// countLines counts lines, a part of one as one.
func countLines(text []byte) int {
	n := bytes.Count(text, []byte{'\n'})
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}

// forgetLocked forgets the oldest block, which the caller may use.
func (r *Run) forgetLocked() *block {
	oldest := r.blocks[0]
	r.blocks[0] = nil // it is not to be held by what is before the slice
	r.blocks, r.held = r.blocks[1:], r.held-cap(oldest.data)
	r.buffer.used -= cap(oldest.data)
	r.gone, r.goneRecord, r.goneAt = r.gone+oldest.lines, oldest.last, oldest.at
	return oldest
}

// dropLocked forgets all of a run, also what it will say. Those who follow it learn how
// many lines that were.
func (r *Run) dropLocked() {
	for len(r.blocks) > 0 {
		r.forgetLocked()
	}
	r.blocks, r.dropped = nil, true
}

// Last returns the last n lines, the oldest first, at most 4 KiB of each.
func (r *Run) Last(n int) []string {
	r.buffer.mu.Lock()
	defer r.buffer.mu.Unlock()
	var texts []string
	for i := len(r.blocks) - 1; i >= 0 && len(texts) < n; i-- {
		texts = append(r.blocks[i].texts(), texts...)
	}
	if len(texts) == 0 {
		return nil
	}
	return texts[max(len(texts)-n, 0):]
}

// texts are a block's lines, at most 4 KiB of each.
func (b *block) texts() (all []string) {
	for rest := b.data; len(rest) > 0; {
		var c record
		c, rest = parse(rest)
		for line := range bytes.Lines(c.text) {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			all = append(all, string(line[:min(len(line), lastBytes)]))
		}
	}
	return all
}

// appendTo appends a record to the data of a block.
func (c record) appendTo(data []byte) []byte {
	data = binary.BigEndian.AppendUint64(data, uint64(c.number))
	data = binary.BigEndian.AppendUint64(data, uint64(c.wall))
	data = binary.BigEndian.AppendUint64(data, uint64(c.passed))
	data = binary.BigEndian.AppendUint32(data, uint32(len(c.text)))
	stream := byte(0)
	if c.stream == Stderr {
		stream = 1
	}
	return append(append(data, stream), c.text...)
}

// parse takes the first record of a block's data. Its text is part of that.
func parse(data []byte) (c record, rest []byte) {
	c = record{
		number: int64(binary.BigEndian.Uint64(data)), wall: int64(binary.BigEndian.Uint64(data[8:])),
		passed: time.Duration(binary.BigEndian.Uint64(data[16:])), stream: Stdout,
	}
	if data[28] == 1 {
		c.stream = Stderr
	}
	end := headerSize + int(binary.BigEndian.Uint32(data[24:]))
	c.text = data[headerSize:end]
	return c, data[end:]
}
