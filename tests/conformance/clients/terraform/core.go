package main

// What Terraform itself does: plan, apply, refresh, import and destroy, over the protocol between Terraform and a provider.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-cty/cty"
	ctyjson "github.com/hashicorp/go-cty/cty/json"
	"github.com/hashicorp/go-cty/cty/msgpack"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// patience is how long the provider may wait for a change, such as a rotation.
const patience = 2 * time.Minute

// terraform runs the resources and data sources of a provider.
type terraform struct {
	provider *schema.Provider
	server   *schema.GRPCProviderServer
}

// state is a resource as Terraform's state keeps it.
type state struct {
	resource string
	value    cty.Value
	private  []byte
}

func (s state) text(attribute string) string {
	if s.value.IsNull() {
		return ""
	}
	value := s.value.GetAttr(attribute)
	if value.IsNull() || !value.Type().Equals(cty.String) {
		return ""
	}
	return value.AsString()
}

// members shows a value as JSON does.
func members(value cty.Value) map[string]any {
	text, err := ctyjson.Marshal(value, value.Type())
	shown := map[string]any{}
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(&shown)
	}
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return shown
}

// differences are the members in which two values differ.
func differences(before, after cty.Value) string {
	known, _ := cty.Transform(after, func(_ cty.Path, value cty.Value) (cty.Value, error) {
		if !value.IsKnown() {
			return cty.NullVal(value.Type()), nil
		}
		return value, nil
	})
	first, second := members(before), members(known)
	var found []string
	for name := range second {
		if fmt.Sprint(first[name]) != fmt.Sprint(second[name]) {
			found = append(found, fmt.Sprintf("%s: %v, then %v", name, first[name], second[name]))
		}
	}
	return strings.Join(found, "; ")
}

// alike compares values as Terraform shows them: a collection that is not set is empty.
func alike(first, second cty.Value) bool {
	return emptied(first).RawEquals(emptied(second))
}

func emptied(value cty.Value) cty.Value {
	return must(cty.Transform(value, func(_ cty.Path, value cty.Value) (cty.Value, error) {
		if !value.IsNull() || !value.Type().IsCollectionType() {
			return value, nil
		}
		element := value.Type().ElementType()
		switch {
		case value.Type().IsSetType():
			return cty.SetValEmpty(element), nil
		case value.Type().IsMapType():
			return cty.MapValEmpty(element), nil
		default:
			return cty.ListValEmpty(element), nil
		}
	}))
}

func dynamic(value cty.Value) *tfprotov5.DynamicValue {
	return &tfprotov5.DynamicValue{MsgPack: must(msgpack.Marshal(value, value.Type()))}
}

func decoded(value *tfprotov5.DynamicValue, kind cty.Type) cty.Value {
	return must(msgpack.Unmarshal(value.MsgPack, kind))
}

// refused is an error that the provider reported.
type refused struct{ message string }

func (r refused) Error() string { return r.message }

func problem(diagnostics []*tfprotov5.Diagnostic) error {
	for _, diagnostic := range diagnostics {
		if diagnostic.Severity == tfprotov5.DiagnosticSeverityError {
			return refused{diagnostic.Summary + " " + diagnostic.Detail}
		}
	}
	return nil
}

// configuration is a block of a configuration file: members that are not written are null.
func configuration(resource *schema.Resource, written map[string]any) cty.Value {
	block := resource.CoreConfigSchema()
	return must(block.CoerceValue(must(ctyjson.Unmarshal(must(json.Marshal(written)), block.ImpliedType()))))
}

// proposed is what Terraform proposes to a provider: the configuration, and the state where the provider decides.
func proposed(resource *schema.Resource, prior, config cty.Value) cty.Value {
	block := resource.CoreConfigSchema()
	values := config.AsValueMap()
	for name, attribute := range block.Attributes {
		if attribute.Computed && values[name].IsNull() && !prior.IsNull() {
			values[name] = prior.GetAttr(name)
		}
	}
	return cty.ObjectVal(values)
}

// plan returns the state that an apply would lead to, and the attributes that need a new resource.
func (t *terraform) plan(prior state, config, wanted cty.Value) (*tfprotov5.PlanResourceChangeResponse, error) {
	response, err := t.server.PlanResourceChange(context.Background(), &tfprotov5.PlanResourceChangeRequest{
		TypeName: prior.resource, PriorState: dynamic(prior.value), ProposedNewState: dynamic(wanted),
		Config: dynamic(config), PriorPrivate: prior.private,
	})
	if err == nil {
		err = problem(response.Diagnostics)
	}
	return response, err
}

func (t *terraform) change(prior state, config, wanted cty.Value) (state, error) {
	planned, err := t.plan(prior, config, wanted)
	if err != nil {
		return prior, err
	}
	if len(planned.RequiresReplace) > 0 && !prior.value.IsNull() && !wanted.IsNull() {
		return prior, refused{fmt.Sprintf("%v need a new resource", planned.RequiresReplace)}
	}
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, err := t.server.ApplyResourceChange(limited, &tfprotov5.ApplyResourceChangeRequest{
		TypeName: prior.resource, PriorState: dynamic(prior.value), PlannedState: planned.PlannedState,
		Config: dynamic(config), PlannedPrivate: planned.PlannedPrivate,
	})
	if err == nil {
		err = problem(response.Diagnostics)
	}
	if err != nil {
		return prior, err
	}
	return state{prior.resource, decoded(response.NewState, prior.value.Type()), response.Private}, nil
}

// refresh reads a resource again.
func (t *terraform) refresh(known state) (state, error) {
	response, err := t.server.ReadResource(context.Background(), &tfprotov5.ReadResourceRequest{
		TypeName: known.resource, CurrentState: dynamic(known.value), Private: known.private,
	})
	if err == nil {
		err = problem(response.Diagnostics)
	}
	if err != nil {
		return known, err
	}
	return state{known.resource, decoded(response.NewState, known.value.Type()), response.Private}, nil
}

// settled says what a plan would change after a refresh, where that is not nothing.
func (t *terraform) settled(known state, config cty.Value) error {
	read, err := t.refresh(known)
	if err != nil {
		return err
	}
	if read.value.IsNull() {
		return refused{"the resource is gone when it is read again"}
	}
	if !alike(read.value, known.value) {
		return refused{"reading again finds a difference: " + differences(known.value, read.value)}
	}
	planned, err := t.plan(read, config, proposed(t.provider.ResourcesMap[known.resource], read.value, config))
	if err != nil {
		return err
	}
	after := decoded(planned.PlannedState, read.value.Type())
	if !alike(after, read.value) || len(planned.RequiresReplace) > 0 {
		return refused{"the plan after an apply is not empty: " + differences(read.value, after)}
	}
	return nil
}

// apply creates or changes a resource and asserts that the next plan is empty.
func (t *terraform) apply(prior state, written map[string]any) (state, error) {
	resource := t.provider.ResourcesMap[prior.resource]
	config := configuration(resource, written)
	validated, err := t.server.ValidateResourceTypeConfig(context.Background(), &tfprotov5.ValidateResourceTypeConfigRequest{
		TypeName: prior.resource, Config: dynamic(config),
	})
	if err == nil {
		err = problem(validated.Diagnostics)
	}
	if err != nil {
		return prior, err
	}
	applied, err := t.change(prior, config, proposed(resource, prior.value, config))
	if err != nil {
		return prior, err
	}
	return applied, t.settled(applied, config)
}

// create applies a resource that is not in the state.
func (t *terraform) create(resource string, written map[string]any) (state, error) {
	kind := t.provider.ResourcesMap[resource].CoreConfigSchema().ImpliedType()
	return t.apply(state{resource, cty.NullVal(kind), nil}, written)
}

// imported is the state of a resource that exists.
func (t *terraform) imported(resource, id string) (state, error) {
	response, err := t.server.ImportResourceState(context.Background(), &tfprotov5.ImportResourceStateRequest{
		TypeName: resource, ID: id,
	})
	if err == nil {
		err = problem(response.Diagnostics)
	}
	if err != nil {
		return state{}, err
	}
	if len(response.ImportedResources) != 1 {
		return state{}, refused{fmt.Sprintf("%d resources are imported", len(response.ImportedResources))}
	}
	found := response.ImportedResources[0]
	kind := t.provider.ResourcesMap[resource].CoreConfigSchema().ImpliedType()
	return t.refresh(state{resource, decoded(found.State, kind), found.Private})
}

// same asserts that an import finds what the state has, except for attributes that only the configuration knows.
func same(kept, imported state, except ...string) error {
	if imported.value.IsNull() {
		return refused{"nothing is imported"}
	}
	first, second := kept.value.AsValueMap(), imported.value.AsValueMap()
	for _, name := range except {
		delete(first, name)
		delete(second, name)
	}
	if before, after := cty.ObjectVal(first), cty.ObjectVal(second); !alike(before, after) {
		return refused{"the import differs: " + differences(before, after)}
	}
	return nil
}

// destroy removes a resource.
func (t *terraform) destroy(kept state) error {
	none := cty.NullVal(kept.value.Type())
	after, err := t.change(kept, none, none)
	if err == nil && !after.value.IsNull() {
		err = refused{"the resource is still in the state"}
	}
	return err
}

// read reads a data source.
func (t *terraform) read(source string, written map[string]any) (map[string]any, error) {
	resource := t.provider.DataSourcesMap[source]
	config := configuration(resource, written)
	response, err := t.server.ReadDataSource(context.Background(), &tfprotov5.ReadDataSourceRequest{
		TypeName: source, Config: dynamic(config),
	})
	if err == nil {
		err = problem(response.Diagnostics)
	}
	if err != nil {
		return nil, err
	}
	return members(decoded(response.State, config.Type())), nil
}
