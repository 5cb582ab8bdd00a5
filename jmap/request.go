package jmap

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// Call is a call of a method, and its answer.
type Call struct {
	Method string         // such as "Email/get"
	Args   map[string]any // without accountId
	Result any            // a pointer: receives the arguments of the response; nil: they are not wanted
	Err    *Error         // the error of the method, if there is one; then Result is not set
}

// Ref is the value of an argument whose name begins with '#': a part of the answer of an earlier
// call in the same request (RFC 8620 section 3.7).
type Ref struct {
	ResultOf string `json:"resultOf"` // from CallID
	Name     string `json:"name"`     // the method
	Path     string `json:"path"`     // a JSON pointer, such as /created
}

// CallID returns the id of the n-th call of a request, from 0.
func CallID(n int) string { return fmt.Sprint("c", n) }

// Do sends calls in one request. It returns an error if the request as a whole failed; Call.Err has
// those of methods. There must not be more calls than Session.Limits has.
func (c *Client) Do(ctx context.Context, calls ...*Call) error {
	s, err := c.Session(ctx)
	if err != nil {
		return err
	}
	body, err := encode(s.Account, calls)
	if err != nil {
		return err
	}
	if int64(len(body)) > s.Limits.Request {
		return refused("a request of %d bytes, and the server takes %d", len(body), s.Limits.Request)
	}
	if err := enter(ctx, c.requests); err != nil {
		return err
	}
	defer leave(c.requests)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := c.send(request)
	if err != nil {
		return err
	}
	answer, err := readJSON(response, maxAnswer)
	if err != nil {
		return err
	}
	return decode(answer, calls)
}

// enter waits until another request may be under way.
func enter(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func leave(slots chan struct{}) { <-slots }

// encode returns the request (RFC 8620 section 3.3).
func encode(account string, calls []*Call) ([]byte, error) {
	list := make([][3]any, len(calls))
	for i, call := range calls {
		args := map[string]any{"accountId": account}
		maps.Copy(args, call.Args)
		list[i] = [3]any{call.Method, args, CallID(i)}
	}
	return json.Marshal(map[string]any{"using": []string{coreCapability, mailCapability}, "methodCalls": list})
}

// decode parses the answer (RFC 8620 section 3.4). A call can have several responses; the first one
// counts.
func decode(text []byte, calls []*Call) error {
	var answer struct {
		Responses []json.RawMessage `json:"methodResponses"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return refused("an answer that is no JSON for JMAP: %v", err)
	}
	done := make([]bool, len(calls))
	for _, raw := range answer.Responses {
		var parts []json.RawMessage
		var name, id string
		if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 3 ||
			json.Unmarshal(parts[0], &name) != nil || json.Unmarshal(parts[2], &id) != nil {
			return refused("an answer with a response that is no triple")
		}
		for i, call := range calls {
			if id != CallID(i) || done[i] {
				continue
			}
			done[i] = true
			if err := call.take(name, parts[1]); err != nil {
				return err
			}
		}
	}
	for i, call := range calls {
		if !done[i] {
			return refused("%s: the server did not answer it", call.Method)
		}
	}
	return nil
}

// take takes the response of a call.
func (call *Call) take(name string, args json.RawMessage) error {
	if name == "error" {
		call.Err = &Error{Call: call.Method}
		if err := json.Unmarshal(args, call.Err); err != nil {
			return refused("%s: an error that cannot be read: %v", call.Method, err)
		}
		return nil
	}
	if name != call.Method {
		return refused("%s: the server answered %s", call.Method, printable.Text(name))
	}
	if call.Result == nil {
		return nil
	}
	if err := json.Unmarshal(args, call.Result); err != nil {
		return refused("%s: an answer that cannot be read: %v", call.Method, err)
	}
	return nil
}

// One sends one call, and returns its error.
func (c *Client) One(ctx context.Context, method string, args map[string]any, result any) error {
	call := &Call{Method: method, Args: args, Result: result}
	if err := c.Do(ctx, call); err != nil {
		return err
	}
	if call.Err != nil {
		return call.Err
	}
	return nil
}
