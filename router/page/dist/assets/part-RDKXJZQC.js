import{p as a,q as b}from"./part-3OH4MZGY.js";import"./part-7Z2RMKDI.js";import"./part-K4SABGCS.js";export{b as ConversationList,a as ListOfLinks};
