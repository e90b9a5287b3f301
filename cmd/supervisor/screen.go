package main

import (
	"io"
	"strings"
	"sync"
)

// What a terminal is told (ECMA-48, and xterm's second page, which leaves the first as it was).
const (
	secondPage = "\x1b[?1049h"
	firstPage  = "\x1b[?1049l"
	noCursor   = "\x1b[?25l"
	aCursor    = "\x1b[?25h"
	topLeft    = "\x1b[H"
	restOfLine = "\x1b[K" // is made empty, as what is below by the other
	allBelow   = "\x1b[J"
)

// A screen shows one text in the place of another on a terminal that takes everything as it is, a line's
// end too. What does not fit is not shown.
type screen struct {
	mu            sync.Mutex
	to            io.Writer
	rows, columns int // zero: not known, and as large as it takes
	text          string
	on            bool
	wrong         error // the first that has gone wrong
}

func newScreen(to io.Writer) *screen { return &screen{to: to} }

// begin takes the screen, and end gives it back as it was.
func (s *screen) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = true
	s.writeLocked(secondPage + noCursor)
}

func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = false
	s.writeLocked(aCursor + firstPage)
}

// show shows a text from now on. Its error is the first that there was.
func (s *screen) show(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
	s.drawLocked()
	return s.wrong
}

// resize shows the same text in another size.
func (s *screen) resize(rows, columns uint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows, s.columns = int(rows), int(columns)
	s.drawLocked()
}

// drawLocked draws the text, if there is one yet. It is not wiped as a whole first, which would flicker.
func (s *screen) drawLocked() {
	if s.on && s.text != "" {
		s.writeLocked(topLeft + fitting(s.text, s.rows, s.columns) + allBelow)
	}
}

func (s *screen) writeLocked(text string) {
	if _, err := io.WriteString(s.to, text); s.wrong == nil {
		s.wrong = err
	}
}

// fitting is as much of a text as a screen has room for, with its line ends. A line is wiped before it is
// drawn, and the last row stays empty: behind a full line a terminal may wipe its last character.
func fitting(text string, rows, columns int) string {
	var all strings.Builder
	row := 1
	for line := range strings.Lines(text) {
		if row++; rows > 0 && row > rows {
			break
		}
		line = strings.TrimSuffix(line, "\n")
		if runes := []rune(line); columns > 0 && len(runes) > columns {
			line = string(runes[:columns])
		}
		all.WriteString(restOfLine + line + "\r\n")
	}
	return all.String()
}
