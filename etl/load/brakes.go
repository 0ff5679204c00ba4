package load

// A BrakeError stops a run that is to be looked at before it goes on. What was
// not sent is Unsent, and the run can be resumed.
type BrakeError struct{ Text string }

func (e *BrakeError) Error() string { return e.Text }
