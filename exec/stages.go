package exec

// Stager is an engine whose commands may run several things one after the other.
type Stager interface {
	// Stage is what a command runs now: "cuda:w4a16, 3 of 6", or "" when it is one thing. It
	// changes before the progress of Run does, which is that of the whole.
	Stage() string
}

// Stage is Stager's.
func (s *Session) Stage() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stage
}

func (s *Session) setStage(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stage = text
}

// stageSteps is how finely the progress within a stage is told.
const stageSteps = 1 << 20

// stage begins the i-th of n parts of a command, each the same share of its progress however
// long it takes. What reports progress until end moves within that share.
func (c *call) stage(i, n int, text string) (end func()) {
	whole := c.progress
	c.s.setStage(text)
	if whole == nil {
		return func() { c.s.setStage("") }
	}
	c.progress = func(done, total int64) {
		part := 0.
		if total > 0 {
			part = min(max(float64(done)/float64(total), 0), 1)
		}
		whole(int64(i)*stageSteps+int64(part*stageSteps), int64(n)*stageSteps)
	}
	c.progress(0, 1)
	return func() {
		c.progress = whole
		c.s.setStage("")
	}
}
