package exec

import "fp4tui/exec/language"

// verb is one row of the command table: its spec and what the session does with it.
type verb struct {
	language.Spec
	pure     bool // changes nothing: may be peeked at
	recorded bool // goes into the notebook
}

// verbs is the command table, in the order of help. To add a command: a file with its
// struct, spec and run, and a row here.
func verbs() []verb {
	const pure, recorded = true, true
	return []verb{
		{loadSpec, !pure, recorded},
		{lsSpec, pure, recorded},
		{layerSpec, !pure, recorded},
		{tensorSpec, !pure, recorded},
		{randnSpec, !pure, recorded},
		{infoSpec, pure, recorded},
		{statSpec, pure, recorded},
		{histSpec, pure, recorded},
		{codesSpec, pure, recorded},
		{bytesSpec, pure, recorded},
		{lintSpec, pure, recorded},
		{quantSpec, !pure, recorded},
		{dequantSpec, !pure, recorded},
		{prepSpec, !pure, recorded},
		{padSpec, !pure, recorded},
		{shuffleSpec, !pure, recorded},
		{swizzleSpec, !pure, recorded},
		{unswizzleSpec, !pure, recorded},
		{whereisSpec, pure, recorded},
		{atSpec, pure, recorded},
		{identifySpec, pure, recorded},
		{planSpec, pure, recorded},
		{poisonSpec, !pure, recorded},
		{gemmSpec, !pure, recorded},
		{mmaSpec, pure, recorded},
		{diffSpec, !pure, recorded},
		{mapSpec, pure, recorded},
		{topSpec, pure, recorded},
		{whereSpec, pure, recorded},
		{explainSpec, pure, recorded},
		{verdictSpec, !pure, recorded},
		{diagnoseSpec, pure, recorded},
		{expectSpec, pure, recorded},
		{exportSpec, !pure, recorded},
		{letSpec, !pure, recorded},
		{setSpec, !pure, recorded},
		{aliasSpec, !pure, recorded},
		{sourceSpec, !pure, recorded},
		{snapSpec, pure, recorded},
		{noteSpec, !pure, recorded},
		{helpSpec, pure, !recorded},
		{undoSpec, !pure, !recorded},
		{quitSpec, pure, !recorded},
	}
}

func specs(list []verb) []language.Spec {
	out := make([]language.Spec, len(list))
	for i, v := range list {
		out[i] = v.Spec
	}
	return out
}
