package main

import (
	"context"
	"errors"

	"github.com/podlike/podlike/internal/charge"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lease"
	"github.com/podlike/podlike/internal/ledger"
	"github.com/podlike/podlike/internal/maker"
	"github.com/podlike/podlike/internal/supervise"
)

// holdOn gives a pod's supervisor what it holds pause by, or is held by: an offer of a lease to the
// pause that it makes, or the charge of one that was started by hand. The returned function lets
// go of that.
func holdOn(ctx context.Context, r runnable, o options, a *answers, c *supervise.Config) (func(), error) {
	if r.owner.Paired() {
		return takeCharge(ctx, r, o, a, c)
	}
	offered, err := lease.NewOffer()
	if err != nil {
		return nil, err
	}
	c.Offer = offer{offered}
	return offered.Close, nil
}

// takeCharge takes charge of a pair. Where another supervisor has it, that is the error.
func takeCharge(ctx context.Context, r runnable, o options, a *answers, c *supervise.Config) (func(), error) {
	taken, err := charge.Take(ctx, r.name)
	if err != nil {
		return nil, exitError{exitUsage, notInCharge(r, err)}
	}
	in := inCharge{taken, ledger.Open(taken.Memory())}
	c.Charge, c.Positions, c.Inherited = in, in, in.ledger.Load()
	a.paired.Store(true)
	a.keep.Store(o.onStop == onStopKeep)
	c.KeepOnStop = a.keep.Load
	return taken.Close, nil
}

// notInCharge says why a pair cannot be supervised from here, and what to do.
func notInCharge(r runnable, err error) error {
	if by := (*charge.Taken)(nil); errors.As(err, &by) {
		return errors.New(by.By + " supervises " + r.owner.Name + " already: stop it first, or have it stopped by docker compose up")
	}
	return errors.New("cannot take charge of " + r.owner.Name + ": " + err.Error())
}

// inCharge is being in charge of a pair, with what is written down in pause's memory.
type inCharge struct {
	*charge.Charge
	ledger *ledger.Ledger
}

// Store implements supervise.Charge.
func (c inCharge) Store(text []byte) error { return c.ledger.Store(text) }

// Place implements maker.Positions.
func (c inCharge) Place(id engine.ID) maker.Place { return c.ledger.Entry(string(id)) }

// Keep implements maker.Positions.
func (c inCharge) Keep(ids []engine.ID) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	c.ledger.Keep(names...)
}
