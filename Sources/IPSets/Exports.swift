// Whoever changes sets reads them too. Reading is a room of its own because it needs no libipset, whose licence binds what is linked to it.
@_exported public import IPSetReading
