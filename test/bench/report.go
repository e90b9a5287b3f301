package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// A Report is what is written as JSON. Times are milliseconds where nothing else is said.
// What was not measured is not there.
type Report struct {
	Rounds int         `json:"rounds"`
	Sizes  []Size      `json:"sizes,omitempty"`
	Idle   *Idle       `json:"idle,omitempty"`
	Loud   *Loud       `json:"loud,omitempty"`
	Log    *Throughput `json:"log,omitempty"`
	Missed []string    `json:"missed"`
}

// A Size is what was measured with one number of components.
type Size struct {
	Components int   `json:"components"`
	Up         Pairs `json:"up"`
	Down       Pairs `json:"down"`
}

// Pairs are the times of both, round by round.
type Pairs struct {
	Ours []float64 `json:"ours_ms"`
	Bare []float64 `json:"bare_ms"`
}

func (p *Pairs) add(ours, bare time.Duration) {
	p.Ours, p.Bare = append(p.Ours, milliseconds(ours)), append(p.Bare, milliseconds(bare))
}

func milliseconds(d time.Duration) float64 { return float64(d.Round(100*time.Microsecond)) / 1e6 }

// ratio is the median of the rounds' ratios: what slowed down both does not count.
func (p Pairs) ratio() float64 {
	ratios := make([]float64, len(p.Ours))
	for i := range ratios {
		ratios[i] = p.Ours[i] / p.Bare[i]
	}
	return median(ratios)
}

// MarshalJSON adds what follows from the times.
func (p Pairs) MarshalJSON() ([]byte, error) {
	type times Pairs
	return json.Marshal(struct {
		MedianOurs float64 `json:"median_ours_ms"`
		MedianBare float64 `json:"median_bare_ms"`
		Ratio      float64 `json:"median_ratio"`
		times
	}{median(p.Ours), median(p.Bare), math.Round(1000*p.ratio()) / 1000, times(p)})
}

// median is the middle one, or the mean of the middle two. None have none: 0.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	half := len(all) / 2
	if len(all)%2 == 1 {
		return all[half]
	}
	return (all[half-1] + all[half]) / 2
}

const heading = `
medians, in milliseconds; the ratio is the median of the rounds' ratios
components      up    bare   ratio      down    bare   ratio
`

// String is the size's line under heading.
func (s Size) String() string {
	return fmt.Sprintf("%10d %7.0f %7.0f %7.2f   %7.0f %7.0f %7.2f\n", s.Components,
		median(s.Up.Ours), median(s.Up.Bare), s.Up.ratio(), median(s.Down.Ours), median(s.Down.Bare), s.Down.ratio())
}

// save writes the report as JSON. No file: nowhere.
func (r Report) save(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the results: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write the results: %w", err)
	}
	return nil
}
