// Whoever imports IPVS needs the values that its functions take and return.
@_exported public import Addresses
@_exported public import IPVSModel
