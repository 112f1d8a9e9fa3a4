import IPVS

var ipvs = try IPVSHandle()
print("IPVS \(try ipvs.information().version)")
