package sieve

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/collection"
)

// Create implements collection.Target. An account has one collection of scripts.
func (c *Client) Create(context.Context, collection.Collection) (collection.Collection, error) {
	return collection.Collection{}, errors.New("an account has one collection of scripts, which is there")
}

// Put implements collection.Target. ManageSieve has no condition for this: between Open and Put
// another client may store a script of the name, which is then replaced. The server refuses a
// script that is not valid for it.
func (c *Client) Put(ctx context.Context, _ collection.Collection, item collection.Item, old *collection.Listed) error {
	if _, there := c.scripts[item.Name]; there != (old != nil) {
		return collection.ErrExists
	}
	if len(item.Content) > maxLiteral {
		return fmt.Errorf("%w: a script of %d bytes", collection.ErrTooLarge, len(item.Content))
	}
	command := fmt.Sprintf("PUTSCRIPT %s {%d+}\r\n%s\r\n", quote(item.Name), len(item.Content), item.Content)
	if _, err := c.exchange(ctx, command); err != nil {
		return err
	}
	c.scripts[item.Name] = script{active: c.scripts[item.Name].active, content: string(item.Content)}
	return nil
}

// Delete implements collection.Target. The server does not delete the script that it runs (RFC 5804
// section 2.10).
func (c *Client) Delete(ctx context.Context, _ collection.Collection, item collection.Listed) error {
	was, there := c.scripts[item.Name]
	if !there {
		return collection.ErrGone
	}
	now, err := c.read(ctx, item.Name) // there are no ETags
	if err != nil {
		return err
	}
	if now != was.content {
		return collection.ErrExists
	}
	if _, err := c.exchange(ctx, "DELETESCRIPT "+quote(item.Name)+"\r\n"); err != nil {
		return err
	}
	delete(c.scripts, item.Name)
	return nil
}

// DeleteCollection implements collection.Target.
func (c *Client) DeleteCollection(context.Context, collection.Collection) error {
	return errors.New("an account always has its collection of scripts")
}

// WritesAtOnce implements collection.Target: there is one connection.
func (c *Client) WritesAtOnce() int { return 1 }

// Activate makes the server run a script, and no other (RFC 5804 section 2.8).
func (c *Client) Activate(ctx context.Context, name string) error {
	_, err := c.exchange(ctx, "SETACTIVE "+quote(name)+"\r\n")
	return err
}
