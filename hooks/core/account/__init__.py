"""Which binding owns a ServiceAccount, and which Secrets the ServiceAccount lists.

Theory of operation
===================

A ServiceAccount belongs to its user. Metacontroller writes the list and the owner references of a
ServiceAccount only as a child of its owner: the binding whose uid is in the label `controller-uid`,
and to which the controller reference points. For the decorator, Metacontroller writes the label and
an annotation.
The garbage collector deletes an object after the deletion of its last owner.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/

1. The deletion of a binding never deletes a ServiceAccount. A second owner reference, to the
   Namespace, protects the ServiceAccount.
2. A deleted binding leaves no entry behind if Metacontroller can still remove the entry.
3. The user's entries, labels, annotations and owner references stay.

`decorator.py` and `release.py` decide about the label, `attachment.py` and `ownership.py` about the
list and the owner references. The section "The mode admission" describes the other mode.

The relation
============

The decorator sees no bindings. It sees the Secrets with a label for the ServiceAccount, and each
Secret's controller reference names the binding (`relation.py`). Metacontroller writes the labels
with the binding's Secret:

    value    on the list?  the binding
    attach   yes           targets the ServiceAccount
    release  no            targets others, and still owns the ServiceAccount
    deleted  no            is being deleted

The label for all ServiceAccounts counts for each ServiceAccount without a label of its own. A
binding with `serviceAccountNames: ["*"]` has this label with `attach`, and with `[]` the label has
`release`.

If the first token request fails, the Secret has no registry, and the binding is attached. A binding
without a Secret has no relation: the binding is withdrawn, the spec was never valid, or the name of
the Secret is taken. Another client's Secret does not name a binding as controller, and has no
relation.

Metacontroller calls the decorator of a ServiceAccount if a Secret's old or new labels match. A
binding that moves therefore reaches both ServiceAccounts.
metacontroller@v4.17.2:pkg/controller/common/customize/manager.go (onRelatedUpdate)

States
======

B is the owner, C the next owner; "any" means present or absent. Only acrpull's entries count.

    state        label  controller reference  protective  B's entry  others' entries
    free         -      -                     -           -          -
    labeled      B      -                     any         any        any
    adopted      B      B                     -           any        any
    protected    B      B                     yes         -          -
    listed       B      B                     yes         yes        -
    shared       B      B                     yes         any        yes
    handed over  B, then C  -                 yes         -          yes
    released     -      -                     yes         -          -
    left         -      -                     any         any        any
    foreign      any    another controller    any         any        any

The annotation `acrpull.dev/pull-secrets` exists from labeled to handed over, and the annotation
`acrpull.dev/attached` while acrpull's entries are listed. A handed over ServiceAccount has B's
owner reference with `controller: false`.

    state        may the deletion of B finish?         may another binding adopt?
    free         yes                                   yes, once labeled
    labeled      no: the adoption may not show yet     yes, if the label moves
    adopted      no: the ServiceAccount would be lost  no
    protected    yes                                   once B's reference is removed
    listed       no: the entry would stay              no
    shared       no: only an owner removes entries     no
    handed over  once the next binding adopted         yes
    released     yes                                   yes, once labeled
    left         yes                                   yes, once labeled
    foreign      yes                                   no

A ServiceAccount is left if the entries of a deleted binding could not be removed. Another owner
reference without control, for example of a ClusterServiceVersion, keeps a ServiceAccount: then a
labeled ServiceAccount does not block. With B's label and without `acrpull.dev/pull-secrets`, a
foreign ServiceAccount blocks, too, until the decorator has removed the label. A binding with an
ambiguous owner reference can't hand over while the apply strategy is unknown, and does not wait for
entries that other bindings still want. A binding with another client's finalizer also hands over a
protected ServiceAccount. A ServiceAccount under deletion blocks no binding.

    from -> to                 by                     when
    free -> labeled            decorator              B's Secret is the oldest with `attach`
    left -> labeled            decorator              as free -> labeled; then B's /sync removes
                                                      the entries of the deleted binding
    labeled -> free            decorator              B is deleted, withdrawn, or targets another
                                                      before the adoption
    labeled -> adopted         Metacontroller         B is alive, no other controller
    adopted -> listed          B's /sync              one write adds protection and entry
    listed -> shared           decorator, B's /sync   another Secret has `attach`
    listed -> protected        B's /sync, /finalize   B is deleted or withdrawn, or targets another
    protected -> listed        B's /sync              B targets the ServiceAccount again, or a user
                                                      removed the entry
    shared -> listed           decorator, B's /sync   the other binding leaves, and B stays
    shared -> handed over      B's /finalize          3 s after B's deletion, B's entry is removed
    shared -> labeled          decorator,             B targets another, and its entry is removed:
                               Metacontroller         the label moves to another binding, B's
                                                      reference is removed. A withdrawn B has no
                                                      Secret, counts as deleted, and stays the owner
    handed over -> shared      decorator,             the label names the next binding,
                               Metacontroller         and the next binding adopts
    handed over -> left        decorator              no binding wants the entries any more
    shared -> protected        B's /sync, /finalize   no other binding targets the ServiceAccount
    protected -> labeled       as shared -> labeled   another binding targets the ServiceAccount
    protected -> released      decorator, then        no other binding: label, annotations
                               Metacontroller         and B's reference are removed (if B was
                                                      deleted, by the garbage collector)
    released -> labeled        decorator              as free -> labeled
    any -> foreign             user                   another controller's reference appears; the
                                                      decorator removes label and annotations
    protected -> adopted       user                   the protective reference is removed, or has
                                                      another uid; B's /sync renews the reference

Races
=====

A stale cache after the adoption:

1. The decorator labels the ServiceAccount for B, and Metacontroller adds B's reference.
2. B is deleted. Metacontroller's cache shows the label, and no reference yet.
3. `blocks_deletion` treats labeled like adopted, and B stays.
4. The cache shows the reference, and B removes its entry. If Metacontroller did not adopt, the
   decorator removes the label. Then B's deletion finishes.

A deletion during the adoption:

1. Metacontroller begins a sync of B, and sees B alive.
2. B is deleted.
3. The sync of step 1 adopts the ServiceAccount.
4. `/finalize` shows neither label nor reference. Unless B's status shows a finished adoption or an
   earlier `/finalize`, B stays for 3 s (`HAND_OVER_GRACE` in `hooks.core.finalize`).

Two bindings deleted together (A is the owner):

1. A removes its own entry, and stays the owner for 3 s.
2. If B is deleted meanwhile, the decorator removes B from `pull-secrets`, and A removes B's entry.
3. Otherwise A hands over. The label moves to B, B adopts, and A's deletion finishes.
4. If B is deleted during step 3, B adopts nothing: Metacontroller adopts nothing for a deleted
   binding. No name remains in `pull-secrets`, and A's deletion finishes. B's entry stays until the
   next binding of this ServiceAccount gets the label and removes the entry.

A foreground deletion, or `--cascade=orphan`:

1. The garbage collector's finalizer is on B. Metacontroller calls `/finalize`, but writes no
   children. metacontroller@v4.17.2:pkg/controller/common/finalizer/finalizer.go (ShouldFinalize)
2. The garbage collector removes B's reference. The protective owner reference keeps the
   ServiceAccount. Without this reference, the policy in metacontroller/serviceaccount-deletion.yaml
   prevents the deletion, and B waits until a user removes B's reference.
3. The collector deletes or orphans B's Secret, and the Secret's relation ends. The decorator
   removes the label. `attached` stays while B's entry is listed.
4. B's deletion finishes. The next binding of this ServiceAccount gets the label and removes the
   entry. Until then, the entry names a missing Secret, and a kubelet skips the entry.
   kubernetes@v1.36.0:pkg/kubelet/kubelet_pods.go (getPullSecretsForPod)

A user's edit, even at the same moment as a write:

1. Metacontroller reads the ServiceAccount, and the user then changes the list.
2. dynamic-apply: the API server rejects Metacontroller's write as a conflict. Server-side apply
   would overwrite the edit, but the policy in metacontroller/serviceaccount-update.yaml rejects the
   write. Metacontroller retries with the edited list.
3. If the user removed acrpull's entry, B's `/sync` adds the entry again (see `hooks.core.contest`).
4. If the user removed `pull-secrets`, only B's uid shows that acrpull set the label. B's deletion
   waits until the decorator has restored the annotation or removed the label. If the user also
   removed the owner references, and the Secret is gone, the decorator can do neither. Then B's
   deletion finishes after 30 s, or with `serviceAccountNames` after 5 minutes (`ADOPTION_GRACE` in
   `hooks.core.finalize`), and the label stays.

A move of B from one ServiceAccount to another:

1. B's `/sync` returns the Secret with `attach` for the new ServiceAccount, and with `release` for
   the old ServiceAccount. The old list loses B's entry.
2. The decorator labels the new ServiceAccount, and B adopts.
3. B stays the owner of the old ServiceAccount until B's entry is removed. Then the decorator moves
   or removes the label, Metacontroller removes B's reference, and the next `/sync` omits `release`.

A move of B between a name, a list of names, every ServiceAccount and none:

1. One write of the Secret changes all labels of B, so each ServiceAccount has the old or the new
   relation. B's `/sync` keeps the entry of each ServiceAccount that B targets before and after.
2. A ServiceAccount that B no longer targets leaves as in a move from one ServiceAccount to another.
   If B still owns more than `MAX_TARGETS` of them, the label for all has `release` in place of a
   label for each.
3. A list names a ServiceAccount that does not exist: the label waits. A user creates a
   ServiceAccount while B targets every ServiceAccount: the decorator finds the label for all.

A new release, or a user who removes the labels of a Secret:

1. Metacontroller caches the rules of `/serviceaccount/customize` for 20 minutes. With the rules of
   an earlier release, a request contains no Secrets, and the decorator changes nothing. The rules
   of a release without the label for all do not select a Secret with only this label.
2. A Secret without any of these labels counts as `attach` if `pull-secrets` names the Secret.
3. B's next `/sync` labels the Secret.

The mode admission
==================

No binding owns a ServiceAccount. The decorator writes only `pull-secrets` (`admission.py`). The
policy in metacontroller/admission/policy.yaml changes the list within the same request:

1. A Secret gets `attach`. The decorator adds the name, and the policy adds the entry after the
   user's entries.
2. A user removes the entry or the annotation. The policy restores both in the user's request.
3. The Secret loses `attach`, or is deleted. The decorator writes "-" before the name, and the
   policy removes the entry. Once no name remains, the decorator removes the annotation.
4. If the policy is missing or fails, the list does not change. The decorator repeats the write at
   once, and then ever more rarely, at last every 5 minutes. A mark in `pull-secrets` has the number
   and the time of the write. Attached shows PolicyMissing, or ServiceAccountNotWritten.
5. The first write to a ServiceAccount of the mode `adoption` removes the label, `attached` and the
   last-applied annotation. The policy removes acrpull's owner references in the same request,
   because the label is absent.

Glossary
========

decorator             the DecoratorController, with its hook `/serviceaccount/sync`
owner                 the binding to which the controller reference points
controller reference  the owner reference with `controller: true`; an object has at most one
to release            Metacontroller removes B's controller reference, once the decorator has moved
                      or removed the label. The value `release` of a Secret's label is B's wish
protective            said of an owner reference to the ServiceAccount's Namespace
entry                 a name in `imagePullSecrets`; managed, if `acrpull.dev/attached` names it
relation              a Secret's label for a ServiceAccount: attach, release or deleted
wanted                the names in `acrpull.dev/pull-secrets`: the Secrets with `attach`
to target             to name the ServiceAccount in the spec, alone, in a list or by "*"; said of a
                      binding that is neither deleted nor withdrawn
withdrawn             said of a binding that is denied and keeps no Secret
next                  said of a binding: the oldest Secret with `attach` is its Secret
taken                 said of a Secret's name: a Secret of this name has another owner
contest               another client removes the entry, or the Secret, again and again
ambiguous             said of owners: two have the same name, and dynamic-apply merges them
"""
